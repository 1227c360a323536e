// Reads a JSON array of playlists from standard input; prints what is wrong with each, null if nothing.
import HLS from 'hls-parser';

HLS.setOptions({ strictMode: true, silent: true });

let input = '';
for await (const piece of process.stdin) input += piece;

const verdicts = JSON.parse(input).map((text) => {
  try {
    HLS.parse(text);
    return null;
  } catch (error) {
    return `${error.message}`;
  }
});
console.log(JSON.stringify(verdicts));
