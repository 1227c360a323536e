// hls.js, steered by our player.

import { Player } from "../../web/static/player.js";

const player = new Player(document.querySelector("video"));
window.millrace = { player };
player.load(new URLSearchParams(location.search).get("url"));
