/** A body that is made when it is asked for, and so after the head has been sent. */
export function streamed(make: () => Promise<string>): ReadableStream {
  const pull = async (controller: ReadableStreamDefaultController) => {
    controller.enqueue(new TextEncoder().encode(await make()));
    controller.close();
  };
  return new ReadableStream({ pull }, { highWaterMark: 0 });
}
