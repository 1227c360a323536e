// The player's controls: buttons, keys, and hiding them while nobody needs them.

const HIDE_AFTER = 2500;
const BACK = 10; // seconds

/** Wires the controls inside `root` to a player. `onStats` gets true while figures are wanted. */
export class Controls {
  constructor(root, player, rewinding, onStats) {
    this.root = root;
    this.rewinding = rewinding;
    this.player = player;
    this.video = player.video;
    this.onStats = onStats;
    this.#buttons();
    this.#volume();
    document.addEventListener("keydown", (event) => this.#key(event));
    for (const name of ["pointermove", "pointerdown", "focusin"]) {
      root.addEventListener(name, () => this.#wake());
    }
    root.addEventListener("pointerleave", () => root.classList.add("idle"));
    player.addEventListener("change", () => this.show());
    document.addEventListener("fullscreenchange", () => this.show());
    this.#wake();
    this.show();
  }

  /** Show what the player does now. */
  show() {
    const { root, video, player } = this;
    const silent = video.muted || video.volume === 0;
    root.classList.toggle("paused", video.paused);
    root.classList.toggle("silent", silent);
    this.#label("play", video.paused ? "Play" : "Pause");
    this.#label("mute", silent ? "Unmute" : "Mute");
    this.#label("fullscreen", document.fullscreenElement ? "Leave full screen" : "Full screen");
    this.$("volume").value = silent ? 0 : Math.round(video.volume * 100);
    this.$("go-live").classList.toggle("behind", !player.live);
    this.$("go-live-text").textContent = player.live ? "Live" : "Go live";
    this.$("unmute").hidden = !(player.mutedByBrowser && video.muted);
  }

  $(id) {
    return this.root.querySelector(`#${id}`);
  }

  #label(id, label) {
    this.$(id).setAttribute("aria-label", label);
    this.$(id).title = label;
  }

  #buttons() {
    const actions = {
      play: () => this.#toggle(),
      mute: () => this.#mute(),
      unmute: () => this.#mute(),
      back: () => this.rewinding.back(BACK),
      "go-live": () => this.player.goLive(),
      "stats-toggle": () => this.#stats(),
      fullscreen: () => this.#fullscreen(),
    };
    for (const [id, act] of Object.entries(actions)) this.$(id).addEventListener("click", act);
    actions["quality-toggle"] = () => this.$("quality-toggle").click(); // which has its menu to open
    this.actions = actions;
    this.video.addEventListener("dblclick", () => this.#fullscreen());
  }

  #key(event) {
    const { target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const field = target.closest?.("input, textarea, select, [contenteditable]");
    if (field) return;
    const onButton = target.closest?.("button, a");
    const keys = { j: "back", k: "play", m: "mute", l: "go-live", i: "stats-toggle", f: "fullscreen", q: "quality-toggle" };
    if (!onButton) keys[" "] = "play";
    const steps = { ArrowUp: 0.05, ArrowDown: -0.05 };
    if (keys[event.key]) this.actions[keys[event.key]]();
    else if (event.key in steps && this.root.contains(target)) this.#louder(steps[event.key]);
    else return;
    event.preventDefault();
    this.#wake();
  }

  #toggle() {
    if (this.video.paused) void this.player.play();
    else this.player.pause();
    this.show();
  }

  #mute() {
    this.video.muted = !this.video.muted;
    if (!this.video.muted && this.video.volume === 0) this.video.volume = 0.5;
    this.player.mutedByBrowser = false;
    this.show();
  }

  #volume() {
    this.$("volume").addEventListener("input", ({ target }) => {
      this.video.volume = target.value / 100;
      this.video.muted = this.video.volume === 0;
      this.player.mutedByBrowser = false;
    });
  }

  #louder(step) {
    this.video.volume = Math.min(1, Math.max(0, this.video.volume + step));
    this.video.muted = this.video.volume === 0;
  }

  #stats() {
    const wanted = this.$("stats").hidden;
    this.$("stats").hidden = !wanted;
    this.$("stats-toggle").setAttribute("aria-pressed", String(wanted));
    this.onStats(wanted);
  }

  #fullscreen() {
    if (document.fullscreenElement) void document.exitFullscreen();
    else if (this.root.requestFullscreen) void this.root.requestFullscreen();
    else this.video.webkitEnterFullscreen?.(); // phones by Apple know only this
  }

  #wake() {
    this.root.classList.remove("idle");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const busy = this.video.paused || this.root.classList.contains("choosing") || this.root.querySelector(".controls :focus-visible");
      if (!busy) this.root.classList.add("idle");
    }, HIDE_AFTER);
  }
}
