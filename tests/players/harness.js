/**
 * The page on which the standard players are judged. Each is given a stream grant as our API answers it and the
 * element to play on, configured as its own documentation says; nothing of ours helps them.
 */

const failed = {}; // by player, what it reported as fatal

const players = {
  "hls.js": async (audio, grant) => {
    const hls = new Hls({ emeEnabled: true, drmSystems: { "org.w3.clearkey": { licenseUrl: grant.license_url ?? "" } } });
    hls.on(Hls.Events.ERROR, (_, data) => data.fatal && report(`${data.type} ${data.details}: ${data.error?.message}`));
    hls.loadSource(grant.manifests.hls);
    hls.attachMedia(audio);
    return {
      qualities: () => hls.levels.length,
      choose: (index) => (hls.currentLevel = index),
      playing: () => hls.currentLevel,
    };
  },
  "dash.js": async (audio, grant) => {
    const player = dashjs.MediaPlayer().create();
    player.on(dashjs.MediaPlayer.events.ERROR, ({ error }) => report(`${error.code}: ${error.message}`));
    player.initialize(audio, null, false);
    // An address relative to the manifest is resolved by neither dash.js nor shaka-player: the grant has the whole one.
    player.setProtectionData({ "org.w3.clearkey": { serverURL: grant.license_url } });
    player.attachSource(grant.manifests.dash);
    const list = () => player.getRepresentationsByType("audio");
    return {
      qualities: () => list().length,
      choose: (index) => {
        player.updateSettings({ streaming: { abr: { autoSwitchBitrate: { audio: false } } } });
        player.setRepresentationForTypeByIndex("audio", index, true);
      },
      playing: () => player.getCurrentRepresentationForType("audio").index,
    };
  },
  "shaka-player HLS": (audio, grant) => shakaPlays(audio, grant.manifests["hls-identity"] ?? grant.manifests.hls, {}),
  "shaka-player DASH": (audio, grant) =>
    shakaPlays(audio, grant.manifests.dash, { "org.w3.clearkey": grant.license_url }),
};

async function shakaPlays(audio, manifest, servers) {
  const player = new shaka.Player();
  player.addEventListener("error", ({ detail }) => report(`shaka ${detail.code}: ${detail.data}`));
  player.configure({ drm: { servers } });
  await player.attach(audio);
  await player.load(manifest);
  const tracks = () => player.getVariantTracks().sort((a, b) => a.bandwidth - b.bandwidth);
  return {
    qualities: () => tracks().length,
    choose: (index) => {
      player.configure({ abr: { enabled: false } });
      player.selectVariantTrack(tracks()[index], true);
    },
    playing: () => tracks().findIndex(({ active }) => active),
  };
}

/** What a player says the song's length is, before the last frame's padding adds to it: none of them cuts that off. */
const duration = Object.getOwnPropertyDescriptor(MediaSource.prototype, "duration");
window.announced = [];
Object.defineProperty(MediaSource.prototype, "duration", {
  ...duration,
  set(value) {
    window.announced.push(value);
    duration.set.call(this, value);
  },
});

function report(message) {
  failed.message ??= message;
}

/** Starts a player on a grant. What it complains about later is in failed.message. */
window.start = async (name, grant) => {
  const audio = document.querySelector("audio");
  window.ended = false;
  audio.addEventListener("ended", () => (window.ended = true));
  try {
    window.player = await players[name](audio, grant);
    await audio.play();
  } catch (error) {
    report(`${error.name} ${error.code ?? ""}: ${error.message}`);
  }
  return failed.message ?? null;
};

window.complaint = () => failed.message ?? null;
