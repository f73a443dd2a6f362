import { defineConfig } from "vite";

export default defineConfig({
  base: "./",
  build: {
    outDir: "../src/reactor_runtime/playground/static",
    emptyOutDir: true,
    target: "es2022",
    cssTarget: ["chrome123", "edge123", "firefox120", "safari17.5"], // the first with light-dark(), which is to stay as written
    // The server's content policy allows no inline script or style, so nothing is inlined into the page.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  // `npm run dev` serves the sources and sends the rest to a server started with `reactor run`.
  server: {
    proxy: Object.fromEntries(
      ["/health", "/start_session", "/session", "/sessions", "/schema"].map((path) => [path, { target: "http://127.0.0.1:8080", ws: true }]),
    ),
  },
});
