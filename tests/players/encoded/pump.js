/** Our own player among the others: the pump of the page, on the harness's element, told which quality comes next. */
players["our page"] = async (audio, grant, follow) => {
  const [{ Api }, { Licences }, { Pump }, { Starts }, { Throughput }, { Waterfall }] = await Promise.all(
    ["api", "drm", "pump", "starts", "abr", "waterfall"].map((name) => import(`/player/${name}.js`)),
  );
  const { renditions } = await (await fetch(grant.presentation_url)).json();
  const names = renditions.toSorted((a, b) => a.bandwidth - b.bandwidth).map(({ name }) => name);
  const [api, throughput] = [new Api(), new Throughput()];
  const shared = { api, throughput, starts: new Starts(api, throughput), licences: new Licences(audio) };
  const obey = () => (pump.quality = names[follow()]);
  const pump = new Pump(audio, (n) => [{ song_id: grant.song_id, title: "" }][n], shared, obey);
  obey();
  audio.addEventListener("seeking", () => pump.jumped());
  audio.addEventListener("timeupdate", () => pump.nudge());
  pump.run(new Waterfall(performance.now(), ""), 0).catch((error) => report(error.message));
};
