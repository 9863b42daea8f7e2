// Gradio's page reads the answers to all of its calls from one stream, which the server closes
// after the last answer. If a call is accepted just before the page learns of the close, the page
// opens no stream for it, and would wait forever. Here the stream is then opened again, and the
// page sees only one.
(() => {
  const request = window.fetch.bind(window);
  const sent = new Set(); // calls that the server has not yet accepted or refused
  const waiting = new Set(); // ids of accepted calls without an answer
  const answered = new Set(); // ids of calls whose answer came before their acceptance

  async function join(...call) {
    const accepted = request(...call).then(async (response) => {
      const { event_id: id } = await response.clone().json().catch(() => ({}));
      if (id && !answered.delete(id)) waiting.add(id);
      return response;
    });
    sent.add(accepted);
    const isOver = () => sent.delete(accepted);
    accepted.then(isOver, isOver);
    return accepted;
  }

  async function* messages(body) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const pieces = (text + part.value).split("\n\n");
      text = pieces.pop();
      yield* pieces;
    }
  }

  async function* lasting(opening, first) {
    for (let response = first; response.ok; response = await request(opening.clone())) {
      let end = null;
      for await (const message of messages(response.body)) {
        const { msg, event_id: id } = JSON.parse(message.slice("data:".length));
        if (msg === "process_completed" && !waiting.delete(id)) answered.add(id);
        if (msg === "close_stream") end = message;
        else yield message;
      }
      await Promise.allSettled(sent);
      if (end && !waiting.size) yield end;
      if (!end || !waiting.size) return;
    }
    waiting.clear(); // the server no longer knows this visitor
    yield 'data: {"msg":"close_stream","event_id":null}';
  }

  async function listen(...call) {
    const opening = new Request(...call);
    const response = await request(opening.clone());
    if (!response.ok) return response;
    const parts = lasting(opening, response);
    const encoder = new TextEncoder();
    const body = new ReadableStream({
      async pull(controller) {
        const { done, value } = await parts.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(value + "\n\n"));
      },
    });
    return new Response(body, response);
  }

  window.fetch = (...call) => {
    const { pathname } = new URL(call[0].url || call[0], location.href);
    if (pathname.endsWith("/queue/join")) return join(...call);
    if (pathname.endsWith("/queue/data")) return listen(...call);
    return request(...call);
  };
})();
