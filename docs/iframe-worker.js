// Browsers start no worker from a page that was opened from disk. There the search index is read in a hidden frame instead, which
// speaks as a worker does: messages in and out, and importScripts. After the interface of the package iframe-worker.
if (location.protocol === "file:") {
  window.Worker = class FrameWorker extends EventTarget {
    constructor(url) {
      super()
      const frame = Object.assign(document.createElement("iframe"), { hidden: true })
      document.body.appendChild(frame)
      this.inner = frame.contentWindow
      this.frame = frame
      this.ready = new Promise(resolve => frame.addEventListener("load", resolve, { once: true }))
      const page = this.inner.document
      page.open()
      page.write(`<html><body><script>
        window.postMessage = (message) => parent.postMessage(message, "*")
        window.importScripts = (...urls) => urls.reduce((before, url) => before.then(() => new Promise((resolve, reject) => {
          const script = document.createElement("script")
          script.src = url
          script.onload = resolve
          script.onerror = reject
          document.body.appendChild(script)
        })), Promise.resolve())
      <\/script><script src="${url}"><\/script></body></html>`)
      page.close()
      window.addEventListener("message", event => {
        if (event.source === this.inner) {
          const told = new MessageEvent("message", { data: event.data })
          this.dispatchEvent(told)
          if (typeof this.onmessage === "function") this.onmessage(told)
        }
      })
    }
    postMessage(data) {
      this.ready.then(() => this.inner.dispatchEvent(new MessageEvent("message", { data })))
    }
    terminate() {
      this.frame.remove()
    }
  }
}
