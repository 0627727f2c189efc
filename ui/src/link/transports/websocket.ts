/** Frames over a WebSocket, one binary message each. Rules WS1 to WS6: docs/specs/link-websocket.md. */

import type { OpenTransport, Transport, TransportEvents } from "./transport.ts";

/** `base`: the server's base URL, absolute, with a slash at its end. */
export function webSocketTransport(base: string): Transport {
  const address = `${base.replace(/^http/, "ws")}link`;
  return { name: "websocket", open: events => openWebSocket(address, events) };
}

function openWebSocket(address: string, events: TransportEvents): OpenTransport {
  const socket = new WebSocket(address);
  socket.binaryType = "arraybuffer";
  let over = false;
  let wasOpen = false;
  socket.onopen = () => {
    wasOpen = true;
    events.opened();
  };
  socket.onmessage = message => {
    const data: unknown = message.data;
    if (!over && data instanceof ArrayBuffer) events.received(new Uint8Array(data));
  };
  socket.onclose = event => {
    if (over) return;
    over = true;
    if (!wasOpen) events.lost("It could not be opened.");
    else events.lost(event.wasClean ? "The server ended the connection." : "The connection was lost.");
  };
  return {
    send: frame => {
      // Its own bytes: the encoder's buffer may be used again before they are sent.
      if (!over && socket.readyState === WebSocket.OPEN) socket.send(frame.slice());
    },
    close: () => {
      over = true;
      socket.close();
    },
  };
}
