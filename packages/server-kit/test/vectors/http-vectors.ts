/** Rows of the table in `docs/protocol/http.md`: a request as it is on the wire, the status of its answer, and what the body is like. */
export const httpVectors: readonly (readonly [name: string, request: string, status: string, answer: RegExp])[] = [
  [
    'http/publish',
    'POST /channels/telemetry/messages/room1?expires=60 HTTP/1.1\r\nHost: hub\r\nAuthorization: Thing golden-key\r\n' +
      'Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{"t":1}',
    '202',
    /^\{"id":"[^"]+\.1"\}$/,
  ],
  [
    'http/publish-at-most-once',
    'POST /channels/telemetry/messages/room1?qos=0 HTTP/1.1\r\nHost: hub\r\nAuthorization: Thing golden-key\r\n' +
      'Content-Length: 7\r\n\r\n{"t":1}',
    '202',
    /^\{\}$/,
  ],
  [
    'http/last-value-set',
    'POST /channels/telemetry/messages/room1?retain=true HTTP/1.1\r\nHost: hub\r\nAuthorization: Thing golden-key\r\n' +
      'Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{"t":1}',
    '202',
    /^\{"id":/,
  ],
  [
    'http/last-value',
    'GET /channels/telemetry/messages/room1?retained=true HTTP/1.1\r\nHost: hub\r\nAuthorization: Thing golden-key\r\n\r\n',
    '200',
    /"messages":\[\]/,
  ],
  [
    'http/last-value-clear',
    'DELETE /channels/telemetry/messages/room1?retained=true HTTP/1.1\r\nHost: hub\r\n' +
      'Authorization: Thing golden-key\r\n\r\n',
    '204',
    /^$/,
  ],
  [
    'http/history',
    'GET /channels/telemetry/messages/room1?after=0 HTTP/1.1\r\nHost: hub\r\nAuthorization: Thing golden-key\r\n\r\n',
    '200',
    /"complete":true/,
  ],
  [
    'http/subscribe',
    'GET /channels/telemetry/messages HTTP/1.1\r\nHost: hub\r\nAuthorization: Thing golden-key\r\n' +
      'Accept: text/event-stream\r\n\r\n',
    '200',
    /./,
  ],
  [
    'http/who-by-name',
    `GET /channels/telemetry/messages HTTP/1.1\r\nHost: hub\r\nAuthorization: Basic ${btoa('sensor-1:golden-key')}\r\n\r\n`,
    '200',
    /"messages":\[\]/,
  ],
  [
    'http/unauthenticated',
    'GET /channels/telemetry/messages HTTP/1.1\r\nHost: hub\r\n\r\n',
    '401',
    /"unauthenticated"/,
  ],
  [
    'http/refused',
    'POST /channels/secret/messages HTTP/1.1\r\nHost: hub\r\nAuthorization: Thing golden-key\r\n' +
      'Content-Length: 7\r\n\r\n{"t":1}',
    '403',
    /^\{"error":\{"code":"permission-denied","message":"no right to publish to this topic"\}\}$/,
  ],
]
