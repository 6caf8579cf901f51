/** Measures what an audio element really gives out, decoded and decrypted, through Web Audio. */
() => {
  const audio = document.querySelector("audio");
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 2048;
  context.createMediaElementSource(audio).connect(analyser).connect(context.destination);
  const window_ = new Float32Array(analyser.fftSize);
  window.meter = { loudest: 0 };
  setInterval(() => {
    analyser.getFloatTimeDomainData(window_);
    window.meter.loudest = Math.max(window.meter.loudest, ...window_.map(Math.abs));
  }, 20);
};
