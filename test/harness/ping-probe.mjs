/**
 * A client of its own process that asks Redis for PING after PING and measures how long each takes: what another user of the
 * server feels. It shares no event loop with the test, whose own work would count otherwise.
 *
 * What Linux kept the server or this process waiting for a CPU is taken off, because other work on the machine is no
 * doing of a script; elsewhere it counts. Started by `fork` with the port and the process id of the server. On "begin"
 * it forgets what it has measured; on "end" it sends the longest wait in ms and how many PINGs there were.
 */
import { readFileSync } from "node:fs";
import { createConnection } from "node:net";

const [port, server] = process.argv.slice(2);
const socket = createConnection({ port: Number(port), host: "127.0.0.1", noDelay: true });
let worst = 0;
let count = 0;
let sent = 0;
let queuedBefore = 0;

/** For how many ms the two processes have waited for a CPU since they began. */
function queued() {
  try {
    const waited = (id) => Number(readFileSync(`/proc/${id}/schedstat`, "latin1").split(" ")[1]) / 1e6;
    return waited(server) + waited("self");
  } catch {
    return 0;
  }
}

function ask() {
  queuedBefore = queued();
  sent = performance.now();
  socket.write("PING\r\n");
}

function take() {
  const waited = performance.now() - sent;
  worst = Math.max(worst, waited - (queued() - queuedBefore));
  count++;
}

let ended = false;
socket.on("connect", () => {
  process.send("ready");
  ask();
});
socket.on("data", () => {
  take();
  if (ended) report();
  // A pause keeps the probe from being the load itself; it is shorter than the waits that matter.
  setTimeout(ask, 0.5);
});
process.on("message", (message) => {
  if (message === "begin") {
    worst = 0;
    count = 0;
  }
  // The PING under way belongs to it, too.
  ended = message === "end";
});
process.on("disconnect", () => process.exit());

function report() {
  ended = false;
  process.send({ worst, count });
}
