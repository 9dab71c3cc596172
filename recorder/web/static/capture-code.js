// Reads a case number from a QR code in front of the camera: by the browser where it can, else by
// the npm package "qr" (requirements/scripts.py), which is fetched when it is needed first.
const LOOK_MS = 250;
const LONGEST = 200;
const WIDEST_PX = 960;

async function reader() {
  if ("BarcodeDetector" in window && (await BarcodeDetector.getSupportedFormats()).includes("qr_code")) {
    const detector = new BarcodeDetector({ formats: ["qr_code"] });
    return async (canvas) => (await detector.detect(canvas))[0]?.rawValue;
  }
  const { decodeQR } = await import("./decode.js");
  return (canvas, brush) => {
    try {
      return decodeQR(brush.getImageData(0, 0, canvas.width, canvas.height));
    } catch {
      return undefined; // No code in this picture.
    }
  };
}

// The number in what a code says: an address may carry it as a parameter, else it is the text.
export function numberIn(text) {
  const line = text.trim().split("\n")[0].trim();
  if (!/^https?:/i.test(line)) return line.slice(0, LONGEST);
  try {
    const said = new URL(line).searchParams;
    return (said.get("number") ?? said.get("q") ?? "").slice(0, LONGEST);
  } catch {
    return "";
  }
}

// Looks at the video until a code is seen or `signal` ends it; gives the number or undefined.
export async function scan(video, signal) {
  const read = await reader();
  const canvas = document.createElement("canvas");
  const brush = canvas.getContext("2d", { willReadFrequently: true });
  while (!signal.aborted) {
    if (video.videoWidth) {
      const scale = Math.min(1, WIDEST_PX / video.videoWidth);
      [canvas.width, canvas.height] = [video.videoWidth * scale, video.videoHeight * scale];
      brush.drawImage(video, 0, 0, canvas.width, canvas.height);
      const found = await read(canvas, brush);
      if (found && numberIn(found)) return numberIn(found);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return undefined;
}
