/* Search from a folder: browsers start no workers for file://, so there one runs in a hidden frame instead. */
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      const waiting = [];
      frame.hidden = true;
      // In the frame, postMessage reaches the page, and importScripts loads one script after another.
      frame.srcdoc = `<script>
        window.postMessage = (data) => parent.postMessage(data, "*");
        window.importScripts = (...urls) => urls.reduce((before, url) => before.then(() => new Promise((resolve, reject) => {
          const script = document.createElement("script");
          Object.assign(script, { src: url, onload: resolve, onerror: reject });
          document.head.append(script);
        })), Promise.resolve());
      <\/script><script src="${new URL(url, location)}"><\/script>`;
      this.postMessage = (data) => waiting.push(data);
      frame.addEventListener("load", () => {
        const receive = (data) => frame.contentWindow.dispatchEvent(new MessageEvent("message", { data }));
        this.postMessage = receive;
        waiting.splice(0).forEach(receive);
      });
      window.addEventListener("message", (event) => {
        if (event.source === frame.contentWindow) {
          this.dispatchEvent(new MessageEvent("message", { data: event.data }));
        }
      });
      document.body ? document.body.append(frame) : addEventListener("DOMContentLoaded", () => document.body.append(frame));
      this.terminate = () => frame.remove();
    }
  };
}
