/** The page docs/scale.md. No figure on it is typed by hand: all come from the results of a run. Pure. */
import type { Results } from "../results.ts";
import { bytes, digits } from "./numbers.ts";
import { ASSUMPTIONS, cpuPerRequest, measuredIn, requestsPerNode, sizeFor, writingShare } from "./sizing.ts";

const SESSIONS = [1e6, 10e6, 100e6, 1e9];

/** The page made from a run. `from` is the file of its results, relative to the page's folder. */
export function scalePage(results: Results, from: string): string {
  const measured = measuredIn(results);
  const a = ASSUMPTIONS;
  const { machine, versions, startedAt, settings } = results;
  const sizes = SESSIONS.map((sessions) => sizeFor(sessions, measured, a));
  const [first] = sizes;
  const rows = sizes.map(
    (size) =>
      `| ${millions(size.sessions)} | ${bytes(size.memory)} | ${digits(size.requestsPerSecond)} | ${size.forMemory} | ${size.forCpu} | ${size.primaries} | ${size.nodes} | ${bytes(size.networkPerNode)}/s |${size.streamPerNode === undefined ? "" : ` ${bytes(size.streamPerNode)}/s |`}`,
  );
  const perNode = requestsPerNode(measured, a);
  const { bytesPerSlide } = measured;
  const slide =
    bytesPerSlide === undefined
      ? ""
      : `\n| **S** | ${digits(bytesPerSlide)} bytes a slide | to the append-only file, and as many to the replica; averaged over one idle timeout, the index included |`;
  const [streamHead, streamRule] = bytesPerSlide === undefined ? ["", ""] : [" stream to its replica |", "---|"];
  return `<!-- Made by \`npm run bench -- --publish ${from.replace("../", "")}\`. Do not edit: change bench/report/scale-page.ts. -->
# Scale: nodes, memory and network from a million sessions to a billion

This page multiplies measured figures. They are from \`${from.replace("../", "")}\`${settings.quick ? ", a quick run whose spreads are wide" : ""}: ${startedAt.slice(0, 10)}, ${machine.cpu}, ${machine.cores} cores, ${versions["server"]}. Measure on your own machines with \`npm run bench -- --redis <url>\` and put your figures into the formulas.

## What was measured

| | figure | measured as |
|---|---|---|
| **B** | ${digits(measured.bytesPerSession)} bytes a session | growth of \`used_memory\`, three claims, three sessions per user, index included |
| **B′** | ${digits(measured.bytesWithClient)} bytes | the same with the address and the user agent of a browser, \`hash-max-listpack-value 512\` |
| **R** | ${digits(measured.readCpu)} µs of Redis | CPU time of the server for a \`touch\` that has nothing to write, 128 in flight |
| **W** | ${digits(measured.writeCpu)} µs of Redis | for a \`touch\` that slides the deadline |
| **N** | ${digits(measured.bytesPerCall)} bytes a call | into and out of the server, protocol included, without TCP/IP headers |${slide}

## What is assumed

Put your own numbers in; these are round ones.

| | | |
|---|---|---|
| **r** | ${a.requestsPerMinute} requests a minute | that a live session makes on average |
| **p** | ${a.peak} | the busiest moment, as a multiple of the average |
| **t** | ${a.touchInterval} s | \`touchInterval\`: no session is written more often |
| **M** | ${a.nodeMemory} GB | memory of a node |
| **m** | ${percent(a.memoryShare)} | of it for data; the rest for fragmentation, buffers and the copy-on-write of a snapshot |
| **c** | ${percent(a.busyShare)} | how busy the one thread of a node may be at the peak |
| **k** | ${a.copies} | copies: a primary and its replica |

## The formulas

- Memory of one copy: \`sessions × B\`.
- Requests at the peak: \`sessions × r × p ÷ 60\` a second.
- Share of touches that write: \`w = min(1, 60 ÷ (r × t))\` = ${percent(writingShare(a))}.
- CPU of Redis per request: \`w × W + (1 − w) × R\` = ${digits(cpuPerRequest(measured, a))} µs. So one node serves \`c × 1 000 000 ÷ that\` = ${digits(perNode)} requests a second.
- Primaries: the larger of \`memory ÷ (M × m)\` and \`requests ÷ requests per node\`, rounded up; a cluster has at least three.
- Nodes: \`primaries × k\`. A replica needs another machine than its primary.
- Network of a primary at the peak: \`requests × N ÷ primaries\`, and the stream to its replica on top${bytesPerSlide === undefined ? "" : ": `requests × w × S ÷ primaries`"}.

## The table

| live sessions | memory of one copy | requests/s at the peak | primaries for memory | primaries for CPU | primaries | nodes with replicas | network of a primary |${streamHead}
|---|---|---|---|---|---|---|---|${streamRule}
${rows.join("\n")}

A million sessions take ${bytes(first?.memory ?? 0)}${first?.primaries === 1 ? ": one machine, and a second one that stands by" : ""}. The code is the same for all rows: beyond one machine, give the store an ioredis \`Cluster\`. The bucket in every id spreads users over 14 588 of the 16 384 slots, evenly enough ([how evenly](operations.md#redis-cluster)), and all keys of one user lie together.

## What the table does not say

- **What a user weighs on a node.** All sessions of a user lie in one slot. Millions of users spread evenly; one user with a million sessions does not.
- **Other claims, other bytes.** Every byte of a claim's name and value counts once in B. \`npm run bench -- --only memory\` measures three claims.
- **Log-ins and log-outs.** They cost Redis more than a touch each, and are rare beside it.
- **The client.** An application server does its own work for each lookup; the benchmark's report has its CPU time beside that of Redis.
- **Your network.** Round trips are as long as your network makes them. Redis does not wait for them, requests do.
- **Several nodes on one machine.** Redis works with one thread, so a machine with many cores holds several primaries; count memory then per machine.
- **Growth.** ${"`maxmemory-policy`"} must stay \`noeviction\`, and then Redis refuses log-ins when memory is full. Watch \`used_memory\`, and add nodes before.
`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function millions(sessions: number): string {
  return sessions >= 1e9 ? `${sessions / 1e9} billion` : `${sessions / 1e6} million`;
}
