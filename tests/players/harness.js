/**
 * The page on which the standard players are judged. Each is given a stream grant as our API answers it and the
 * element to play on, configured as its own documentation says; nothing of ours helps them.
 *
 * `follow`, where there is one, tells which quality (0 is the leanest) the next segment is to have: the players are asked to
 * switch at a boundary and to keep what they have, as they do by themselves when the network changes.
 */

const failed = {}; // by player, what it reported as fatal

const players = {
  "hls.js": async (audio, grant, follow) => {
    const hls = new Hls({
      emeEnabled: true,
      drmSystems: { "org.w3.clearkey": { licenseUrl: grant.license_url ?? "" } },
      ...(follow && { startLevel: follow(), abrController: choosing(follow) }),
    });
    hls.on(Hls.Events.ERROR, (_, data) => data.fatal && report(`${data.type} ${data.details}: ${data.error?.message}`));
    hls.loadSource(grant.manifests.hls);
    hls.attachMedia(audio);
    return {
      qualities: () => hls.levels.length,
      choose: (index) => (hls.currentLevel = index),
      playing: () => hls.currentLevel,
    };
  },
  "dash.js": async (audio, grant, follow) => {
    const player = dashjs.MediaPlayer().create();
    player.on(dashjs.MediaPlayer.events.ERROR, ({ error }) => report(`${error.code}: ${error.message}`));
    player.initialize(audio, null, false);
    // An address relative to the manifest is resolved by neither dash.js nor shaka-player: the grant has the whole one.
    player.setProtectionData({ "org.w3.clearkey": { serverURL: grant.license_url } });
    const manual = { abr: { autoSwitchBitrate: { audio: false } } };
    if (follow) {
      player.updateSettings({ streaming: { ...manual, buffer: { fastSwitchEnabled: false } } });
      const appended = ({ index }) => index >= 0 && player.setRepresentationForTypeByIndex("audio", follow());
      player.on("bytesAppendedEndFragment", appended);
    }
    player.attachSource(grant.manifests.dash);
    const list = () => player.getRepresentationsByType("audio");
    return {
      qualities: () => list().length,
      choose: (index) => {
        player.updateSettings({ streaming: manual });
        player.setRepresentationForTypeByIndex("audio", index, true);
      },
      playing: () => player.getCurrentRepresentationForType("audio").index,
    };
  },
  "shaka-player HLS": (audio, grant, follow) =>
    shakaPlays(audio, grant.manifests["hls-identity"] ?? grant.manifests.hls, {}, follow),
  "shaka-player DASH": (audio, grant, follow) =>
    shakaPlays(audio, grant.manifests.dash, { "org.w3.clearkey": grant.license_url }, follow),
  /** The browser by itself, which plays HLS in the clear. */
  native: async (audio, grant) => {
    audio.src = grant.manifests.hls;
    audio.addEventListener("error", () => report(audio.error.message));
  },
};

async function shakaPlays(audio, manifest, servers, follow) {
  const player = new shaka.Player();
  player.addEventListener("error", ({ detail }) => report(`shaka ${detail.code}: ${detail.data}`));
  player.configure({ drm: { servers }, abr: { enabled: !follow } });
  const tracks = () => player.getVariantTracks().sort((a, b) => a.bandwidth - b.bandwidth);
  if (follow) player.addEventListener("segmentappended", () => player.selectVariantTrack(tracks()[follow()]));
  await player.attach(audio);
  await player.load(manifest);
  return {
    qualities: () => tracks().length,
    choose: (index) => {
      player.configure({ abr: { enabled: false } });
      player.selectVariantTrack(tracks()[index], true);
    },
    playing: () => tracks().findIndex(({ active }) => active),
  };
}

/** hls.js's own way to choose a level, with the choice made elsewhere. */
function choosing(follow) {
  return class extends Hls.DefaultConfig.abrController {
    get nextAutoLevel() {
      return follow();
    }
    set nextAutoLevel(level) {}
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

/**
 * Starts a player on a grant. What it complains about later is in failed.message.
 * @param walk {starts, order}: where each segment starts, in seconds, and the quality that it is to have
 */
window.start = async (name, grant, walk = null) => {
  const audio = document.querySelector("audio");
  const reached = () => (audio.buffered.length ? audio.buffered.end(audio.buffered.length - 1) : 0);
  const follow = walk && (() => walk.order[walk.starts.filter((start) => start > 0 && start < reached() + 0.02).length] ?? 0);
  window.ended = false;
  audio.addEventListener("ended", () => (window.ended = true));
  try {
    window.player = await players[name](audio, grant, follow);
    await audio.play();
  } catch (error) {
    report(`${error.name} ${error.code ?? ""}: ${error.message}`);
  }
  return failed.message ?? null;
};

window.complaint = () => failed.message ?? null;
