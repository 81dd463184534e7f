// A worker in a frame, for the search of a site that is opened from a folder: browsers start no worker from a file.
class FrameWorker extends EventTarget {
  constructor(url) {
    super();
    this.frame = document.createElement("iframe");
    this.frame.hidden = true;
    document.body.append(this.frame);
    this.receive = (event) => {
      if (event.source !== this.frame.contentWindow) return;
      this.dispatchEvent(new MessageEvent("message", { data: event.data }));
      if (this.onmessage) this.onmessage(event);
    };
    addEventListener("message", this.receive);
    this.ready = new Promise((resolve) => {
      const inner = this.frame.contentWindow;
      const page = inner.document;
      page.open();
      page.write("<!doctype html><body></body>");
      page.close();
      const load = (address) => new Promise((done) => {
        const script = page.createElement("script");
        script.src = address;
        script.onload = done;
        page.body.append(script);
      });
      const own = page.createElement("script"); // within the frame, so that the frame is the source of its messages
      own.textContent = "postMessage = (data) => parent.postMessage(data, '*')";
      page.body.append(own);
      inner.importScripts = (...addresses) => addresses.reduce((before, next) => before.then(() => load(next)), Promise.resolve());
      load(url).then(resolve);
    });
  }

  postMessage(data) {
    this.ready.then(() => this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data })));
  }

  terminate() {
    removeEventListener("message", this.receive);
    this.frame.remove();
  }
}

if (location.protocol === "file:") window.Worker = FrameWorker;
