import { resolve } from "node:path";
import { defineConfig } from "vitest/config";

const page = (name: string) => resolve(import.meta.dirname, `${name}.html`);

export default defineConfig({
  // Relative addresses: the relay may sit below a prefix of somebody's reverse proxy.
  base: "./",
  build: {
    target: "es2022",
    // `default-src 'self'` forbids data: addresses and inline scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: {
        index: page("index"),
        publish: page("publish"),
        watch: page("watch"),
        second: page("second"),
      },
    },
  },
  test: { include: ["src/**/*.test.ts"] },
});
