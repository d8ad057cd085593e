import { fileURLToPath } from 'node:url'
import { lingui } from '@lingui/vite-plugin'
import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'
import { precompress } from './precompress.ts'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** `npm run dashboard` builds it; with `--watch` it follows changes, and the server serves what is there. */
export default defineConfig({
  root: here('.'),
  plugins: [react(), lingui({ macroTransform: true, configPath: here('lingui.config.ts') }), tailwindcss(), precompress()],
  build: {
    target: 'es2022',
    // The policy of the page lets nothing run, and shows no font, that is written into it.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1500,
  },
})
