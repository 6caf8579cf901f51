/**
 * Records what an audio element gives out, sample by sample at `rate`, on the audio thread where nothing gets lost.
 *
 * It hands over 1024 samples at a time. `recorded.length` is how many there are, `recorded.heard(from)` how many since then were no
 * silence; `recorded.take()` gives all of them as 32-bit floats in base64, which costs a page much less than a list of numbers
 * does. `recorded.now()` waits until all that had come out when it was called is there: a busy page lags behind.
 */
async (rate) => {
  const processor = `registerProcessor("recorder", class extends AudioWorkletProcessor {
    #batch = new Float32Array(1024);
    #filled = 0;
    constructor() {
      super();
      this.port.onmessage = () => this.port.postMessage(null);
    }
    process([input]) {
      if (!input.length) return true;
      this.#batch.set(input[0], this.#filled);
      this.#filled += input[0].length;
      if (this.#filled === this.#batch.length) {
        this.port.postMessage(this.#batch);
        this.#filled = 0;
      }
      return true;
    }
  })`;
  const context = new AudioContext({ sampleRate: rate });
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([processor], { type: "text/javascript" })));
  const recorder = new AudioWorkletNode(context, "recorder");
  const batches = [];
  const asked = [];
  window.recorded = {
    get length() {
      return batches.length * 1024;
    },
    clear: () => void batches.splice(0),
    heard: (from) => batches.slice(from / 1024).reduce((sum, batch) => sum + batch.filter((x) => x !== 0).length, 0),
    now() {
      recorder.port.postMessage(null);
      return new Promise((done) => asked.push(done));
    },
    async take() {
      const reader = new FileReader();
      const read = new Promise((done) => (reader.onload = done));
      reader.readAsDataURL(new Blob(batches));
      await read;
      return reader.result.split(",")[1];
    },
  };
  recorder.port.onmessage = ({ data }) => (data ? batches.push(data) : asked.shift()());
  context.createMediaElementSource(document.querySelector("audio")).connect(recorder).connect(context.destination);
};
