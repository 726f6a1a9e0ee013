/** Shows how far a run is: a bar on a terminal, plain lines in a log. */
import cliProgress from "cli-progress";

export interface Progress {
  /** A new piece of work of so many steps. */
  begin(title: string, steps: number): void;
  /** One step is done; `detail` says which. */
  step(detail?: string): void;
  /** The piece of work is over. */
  end(): void;
  /** A line of text, above the bar where there is one. */
  say(text: string): void;
}

export function newProgress(stream: NodeJS.WriteStream): Progress {
  return stream.isTTY ? bar(stream) : lines(stream);
}

function bar(stream: NodeJS.WriteStream): Progress {
  let current: cliProgress.SingleBar | undefined;
  const end = () => {
    current?.stop();
    current = undefined;
  };
  return {
    begin(title, steps) {
      end();
      current = new cliProgress.SingleBar({
        format: `${title.padEnd(28)} {bar} {percentage} %  {detail}`,
        barCompleteChar: "█",
        barIncompleteChar: "░",
        barsize: 24,
        hideCursor: true,
        clearOnComplete: true,
        stopOnComplete: false,
        // A redraw costs CPU that a contender on a small machine would miss.
        fps: 2,
        stream,
      });
      current.start(steps, 0, { detail: "" });
    },
    step: (detail = "") => current?.increment(1, { detail }),
    end,
    say(text) {
      end();
      stream.write(`${text}\n`);
    },
  };
}

function lines(stream: NodeJS.WriteStream): Progress {
  let title = "";
  let began = 0;
  const end = () => {
    if (title !== "") stream.write(`  ${title}: ${((performance.now() - began) / 1000).toFixed(1)} s\n`);
    title = "";
  };
  return {
    begin(next) {
      end();
      title = next;
      began = performance.now();
    },
    step: () => {},
    end,
    say(text) {
      end();
      stream.write(`${text}\n`);
    },
  };
}
