/**
 * In the page of any player: act, and say when the element began to sound, in ms since.
 * @param act presses play
 * @returns {total, spans: [{name, start, ms, bytes}]}, or {failed}
 */
window.pressed = async (act, complaint) => {
  const audio = document.querySelector("audio");
  performance.clearResourceTimings();
  const began = performance.now();
  act();
  const deadline = began + 20_000;
  for (;;) {
    const heard = audio.currentTime;
    if (heard > 0) {
      const total = performance.now() - (heard * 1000) / audio.playbackRate - began;
      await new Promise((done) => setTimeout(done, 50)); // entries of what has just come are made later
      return { total, spans: spans(began, total) };
    }
    if (complaint()) return { failed: String(complaint()) };
    if (performance.now() > deadline) return { failed: "no sound within 20 s" };
    await new Promise((done) => setTimeout(done, 2));
  }
};

/** What the browser fetched until then, by what it was for. */
function spans(began, total) {
  const kinds = [
    [/\/start\?|\/start$/, "bundle"],
    [/\/stream$/, "grant"],
    [/licence|license|key/, "licence"],
    [/presentation\.json/, "presentation"],
    [/init\.mp4/, "init"],
    [/\.m4s/, "segment"],
    [/\.mpd|(hls[^/]*)\.m3u8$/, "manifest"],
    [/\.m3u8/, "playlist"],
  ];
  const found = [];
  for (const entry of performance.getEntriesByType("resource")) {
    const kind = kinds.find(([pattern]) => pattern.test(new URL(entry.name).pathname + new URL(entry.name).search))?.[1];
    if (!kind || entry.startTime < began || entry.startTime - began > total) continue;
    const at = (time) => time - began;
    if (entry.connectEnd - entry.connectStart > 0.5) {
      const secure = entry.secureConnectionStart;
      found.push({ name: "connect", start: at(entry.connectStart), ms: (secure || entry.connectEnd) - entry.connectStart, bytes: 0 });
      if (secure) found.push({ name: "tls", start: at(secure), ms: entry.connectEnd - secure, bytes: 0 });
    }
    const start = Math.max(entry.requestStart || entry.startTime, entry.startTime);
    found.push({ name: kind, start: at(start), ms: entry.responseEnd - start, bytes: entry.encodedBodySize });
  }
  const ready = Math.min(total, Math.max(0, ...found.map(({ start, ms }) => start + ms)));
  found.push({ name: "first sound", start: ready, ms: total - ready, bytes: 0 });
  return found.sort((a, b) => a.start - b.start);
}
