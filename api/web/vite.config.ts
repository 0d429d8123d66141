import {svelte} from '@sveltejs/vite-plugin-svelte';
import {defineConfig} from 'vite';

// `npm run dev` talks to a server that is already running; CONTACTLINE_API says which.
const api = process.env.CONTACTLINE_API ?? 'http://127.0.0.1:8000';

export default defineConfig({
  plugins: [svelte()],
  worker: {format: 'es'},
  build: {
    target: 'es2022',
    assetsInlineLimit: 0, // the content security policy allows no data: scripts, and files are easier to check
    chunkSizeWarningLimit: 1200, // MapLibre; it is loaded when the first map is shown
    modulePreload: {polyfill: false},
  },
  server: {proxy: {'/v1': api, '/docs': api, '/openapi.json': api}},
});
