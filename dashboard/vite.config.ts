import { fileURLToPath } from 'node:url'
import { lingui } from '@lingui/vite-plugin'
import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'
import { macros } from './macros.ts'
import { precompress } from './precompress.ts'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** GraphiQL writes 30 fonts into its styles, which the policy of the page does not show; ours is there. */
const withoutFonts = (): Plugin => ({
  name: 'without-fonts',
  enforce: 'pre',
  transform: (code, id) =>
    id.endsWith('/graphiql/dist/style.css') ? code.replaceAll(/@font-face\s*\{[^}]*\}/g, '') : undefined,
})

/** `npm run dashboard` builds it; with `--watch` it follows changes, and the server serves what is there. */
export default defineConfig({
  root: here('.'),
  plugins: [
    react(),
    macros(here('lingui.config.ts')),
    lingui({ configPath: here('lingui.config.ts') }),
    tailwindcss(),
    withoutFonts(),
    precompress(),
  ],
  build: {
    target: 'es2022',
    // The policy of the page lets nothing run, and shows no font, that is written into it.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1500,
    rolldownOptions: {
      output: {
        codeSplitting: {
          includeDependenciesRecursively: false,
          groups: [
            // What every page needs in one file: it is smaller in one piece, and asked for once.
            { name: 'base', tags: ['$initial'], priority: 1 },
            // What pages have in common is small, and a browser asks for six things at a time.
            {
              name: 'shared',
              test: /\/dashboard\/src\/(?!ui\/(?:dialog-window|menu)\.)|\/lucide-react\//,
              minShareCount: 2,
            },
          ],
        },
      },
    },
  },
})
