// Asks for an address to play a recording or a livestream from. One custody event is written for each.
export class NotNow extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

export async function grant(id, signal, kind = "recordings", api = "/api/v1") {
  const answer = await fetch(`${api}/${kind}/${id}/playback`, {
    signal,
    headers: { Accept: "application/json" },
  });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new NotNow(body.code ?? "http-error");
  // How long it lasts is counted by the service's clock: the one of this computer may be wrong.
  const now = Date.parse(answer.headers.get("Date")) || Date.now();
  return { url: body.url, mediaType: body.media_type, lastsMs: Date.parse(body.expires_at) - now };
}
