// hls.js at its best settings.

import Hls from "hls.js";

const query = new URLSearchParams(location.search);
const video = document.querySelector("video");
const low = query.get("low") === "1";
const hls = new Hls({
  lowLatencyMode: low,
  maxLiveSyncPlaybackRate: 1.1,
  startFragPrefetch: true,
  testBandwidth: false,
  enableWorker: false,
  ...(low ? {} : { liveSyncDurationCount: 2 }),
});
hls.loadSource(query.get("url"));
hls.attachMedia(video);
void video.play();
