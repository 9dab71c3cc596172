// tus-js-client as a device maker uses it: node tusc_send.mjs ENDPOINT TOKEN FILE CHUNK_BYTES MEMORY [NAME=VALUE…]
// MEMORY is a JSON file in which the client keeps the addresses of unfinished uploads, so that
// another run goes on where this one was cut. Prints one line of JSON at the end.
import { createReadStream, statSync } from 'node:fs'
import { createRequire } from 'node:module'

// Packages are found by NODE_PATH, which only require() honours.
const tus = createRequire(import.meta.url)('tus-js-client')
const [endpoint, token, file, chunkBytes, memory, ...pairs] = process.argv.slice(2)
const metadata = Object.fromEntries(pairs.map((pair) => pair.split(/=(.*)/s).slice(0, 2)))
const told = { recording: null, url: null, retried: 0, resumed_from: null, error: null }

function end(code) {
  console.log(JSON.stringify(told))
  process.exit(code)
}

const upload = new tus.Upload(createReadStream(file), {
  endpoint,
  chunkSize: chunkBytes === '-' ? Infinity : Number(chunkBytes),
  uploadSize: statSync(file).size,
  headers: { Authorization: `Bearer ${token}` },
  metadata,
  retryDelays: [50, 100, 200, 400, 800],
  urlStorage: new tus.FileUrlStorage(memory),
  fingerprint: async () => `${file}-${statSync(file).size}`,
  onShouldRetry() {
    told.retried += 1
    return memory !== '-' && !process.env.GIVE_UP
  },
  onAfterResponse(request, response) {
    if (request.getMethod() === 'HEAD') told.resumed_from ??= Number(response.getHeader('Upload-Offset'))
    told.recording = response.getHeader('Recorder-Recording') ?? told.recording
  },
  onError(error) {
    told.error = String(error)
    end(1)
  },
  onSuccess() {
    told.url = upload.url
    end(0)
  },
})

const previous = await upload.findPreviousUploads()
if (previous.length > 0) upload.resumeFromPreviousUpload(previous[0])
upload.start()
