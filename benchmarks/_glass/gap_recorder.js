// Runs beside clock_reader.js: what the player did around each gap in the picture.
// `window.gaps` holds, for each gap, when it was, what the picture skipped, and what was noted then.
(() => {
  const GAP = 250; // milliseconds between two frames
  const BEFORE = 3000; // milliseconds of notes kept before a gap
  const AFTER = 700; // milliseconds of notes kept after it
  const SAMPLE_EVERY = 50;
  const gaps = (window.gaps = []);
  const notes = [];
  const note = (at, what, ...details) => notes.push([Math.round(at), what, ...details]);
  const now = () => performance.now();

  function ahead(video) {
    const { buffered, currentTime } = video;
    for (let n = 0; n < buffered.length; n += 1) {
      if (buffered.end(n) >= currentTime) return buffered.end(n) - currentTime;
    }
    return 0;
  }

  function sample(video) {
    note(now(), "plays", +video.currentTime.toFixed(3), +ahead(video).toFixed(3), video.playbackRate);
    while (notes.length && notes[0][0] < now() - BEFORE) notes.shift();
  }

  function report(from, to, before, after) {
    const gap = {
      from: Math.round(from),
      milliseconds: Math.round(to - from),
      media: after.mediaTime - before.mediaTime,
      presented: after.presentedFrames - before.presentedFrames,
    };
    gaps.push(gap);
    setTimeout(() => (gap.notes = notes.filter(([at]) => at > from - BEFORE).sort((a, b) => a[0] - b[0])), AFTER);
  }

  function watch(video) {
    let last = null;
    const shown = (_at, frame) => {
      const at = now();
      if (last && at - last.at > GAP) report(last.at, at, last.frame, frame);
      last = { at, frame };
      video.requestVideoFrameCallback(shown);
    };
    video.requestVideoFrameCallback(shown);
    for (const name of ["waiting", "playing", "seeking", "seeked", "pause", "stalled", "emptied", "error"]) {
      video.addEventListener(name, () => note(now(), name, +video.currentTime.toFixed(3), video.readyState));
    }
    setInterval(() => sample(video), SAMPLE_EVERY);
  }

  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) note(startTime, "long task", Math.round(duration));
  }).observe({ type: "longtask" });
  new PerformanceObserver((list) => {
    for (const { name, startTime, duration, responseStatus } of list.getEntries()) {
      note(startTime, "fetch", name.split("/").slice(-1)[0], Math.round(duration), responseStatus);
    }
  }).observe({ type: "resource" });

  const looking = setInterval(() => {
    const video = document.querySelector("video");
    if (!video) return;
    clearInterval(looking);
    watch(video);
  }, 5);
})();
