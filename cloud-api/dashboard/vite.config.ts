import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

// Served by metergate-cloud under a strict content security policy: no inline script, no eval, no other host.
export default defineConfig({
  plugins: [vue()],
  base: './',
  resolve: { conditions: ['metergate-source', 'module', 'browser', 'import'] },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2022',
    chunkSizeWarningLimit: 900,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/v1': 'http://127.0.0.1:8080' } },
})
