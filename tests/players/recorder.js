/** Records what an audio element gives out, sample by sample, on the audio thread where nothing gets lost. */
async () => {
  const processor = `registerProcessor("recorder", class extends AudioWorkletProcessor {
    process([input]) {
      if (input.length) this.port.postMessage(input[0].slice());
      return true;
    }
  })`;
  const context = new AudioContext({ sampleRate: 44100 });
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([processor], { type: "text/javascript" })));
  const recorder = new AudioWorkletNode(context, "recorder");
  window.recorded = [];
  recorder.port.onmessage = ({ data }) => window.recorded.push(...data);
  context.createMediaElementSource(document.querySelector("audio")).connect(recorder).connect(context.destination);
};
