/** A canvas that is as sharp as the screen and redraws itself when its box changes. */

/**
 * Calls `draw(context, width, height)` in CSS pixels before the next frame, now and on every resize, and whenever the
 * returned function was called: many calls are one drawing, and none of them makes the browser lay the page out.
 */
export function painted(canvas, draw) {
  let due = 0;
  const paint = () => {
    due = 0;
    const { clientWidth: width, clientHeight: height } = canvas;
    if (!width || !height) return;
    const scale = Math.min(devicePixelRatio || 1, 3);
    const [w, t] = [Math.round(width * scale), Math.round(height * scale)];
    if (canvas.width !== w || canvas.height !== t) [canvas.width, canvas.height] = [w, t];
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    draw(context, width, height);
  };
  const soon = () => {
    due ||= requestAnimationFrame(paint);
  };
  new ResizeObserver(soon).observe(canvas);
  return soon;
}

/** The value of a CSS custom property, e.g. colour("brass"). */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
