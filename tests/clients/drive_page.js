// One client in a page, and what it saw and heard last. `sdk` is the bundle's global.
globalThis.client = (() => {
  const camera = "rgb(210, 60, 30)";
  const reactor = new sdk.Reactor({modelName: "probe", local: true});
  const video = Object.assign(document.createElement("video"), {muted: true, autoplay: true});
  const canvas = Object.assign(document.createElement("canvas"), {width: 32, height: 24});
  const context = canvas.getContext("2d", {willReadFrequently: true});
  document.body.append(video);
  const heard = [], internal = [];
  const show = (...given) => {
    const stream = given.find((one) => one instanceof MediaStream);
    const track = given.find((one) => one instanceof MediaStreamTrack);
    if (stream || track) video.srcObject = stream ?? new MediaStream([track]);
  };
  for (const event of ["streamChanged", "trackReceived"]) reactor.on(event, show);
  for (const event of ["newMessage", "message"]) reactor.on(event, (said) => heard.push(said));
  reactor.on("runtimeMessage", (said) => internal.push(said));
  const namesTracks = reactor.publishTrack.length > 1;
  const named = namesTracks ? ["webcam"] : [];
  let filming;
  return {
    heard,
    internal,
    reactor,
    look() {
      if (video.readyState < 2) return null;
      context.drawImage(video, 0, 0, canvas.width, canvas.height);
      const mean = (x) => {
        const {data} = context.getImageData(x, 8, 8, 8);
        return [0, 1, 2].map((channel) => data.filter((_, i) => i % 4 === channel).reduce((a, b) => a + b) / 64);
      };
      return {left: mean(4), right: mean(20), frames: video.getVideoPlaybackQuality().totalVideoFrames};
    },
    async film() {
      const scene = Object.assign(document.createElement("canvas"), {width: 160, height: 120});
      const paint = scene.getContext("2d");
      filming = setInterval(() => {
        paint.fillStyle = camera;
        paint.fillRect(0, 0, 160, 120);
      }, 100);
      await reactor.publishTrack(...named, scene.captureStream(10).getVideoTracks()[0]);
    },
    async stopFilming() {
      clearInterval(filming);
      await reactor.unpublishTrack(...named);
    },
    async upload(text) {
      const file = new File([text], "probe.txt", {type: "text/plain"});
      await reactor.sendCommand("set_image", {image: await reactor.uploadFile(file)});
    },
  };
})();
