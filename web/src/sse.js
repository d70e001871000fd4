// Server-sent events from chunks of bytes: yields the data of each event, whatever the cuts.
export class EventParser {
  #decoder = new TextDecoder();
  #held = "";

  // Bytes in, list of data strings out. Comments (": keep-alive") are dropped.
  push(bytes) {
    this.#held += this.#decoder.decode(bytes, { stream: true });
    const events = [];
    for (;;) {
      const end = /\r\n\r\n|\n\n|\r\r/.exec(this.#held);
      if (!end) return events;
      const lines = this.#held.slice(0, end.index).split(/\r\n|\n|\r/);
      this.#held = this.#held.slice(end.index + end[0].length);
      const data = lines.filter((line) => line.startsWith("data:")).map((line) => line.slice(5).replace(/^ /, ""));
      if (data.length > 0) events.push(data.join("\n"));
    }
  }
}
