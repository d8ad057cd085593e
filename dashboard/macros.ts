import { transformAsync } from '@babel/core'
import { getConfig } from '@lingui/conf'
import type { Plugin } from 'vite'

/**
 * Lingui's macros by Babel. Its native transform is quicker by two seconds, and is an optional package for Node 22 and newer: an npm that
 * runs on an older Node leaves it out, and a fresh clone is installed with whatever Node is there.
 */
export function macros(configPath: string): Plugin {
  const linguiConfig = getConfig({ configPath })
  return {
    name: 'macros',
    enforce: 'pre',
    transform: {
      filter: { id: /\.tsx?$/, code: /from '@lingui\/(?:react|core)\/macro'/ },
      async handler(code, id) {
        const result = await transformAsync(code, {
          filename: id,
          configFile: false,
          babelrc: false,
          sourceMaps: true,
          parserOpts: { plugins: ['typescript', 'jsx'] },
          plugins: [['@lingui/babel-plugin-lingui-macro', { linguiConfig, descriptorFields: 'id-only' }]],
        })
        return { code: result.code, map: result.map }
      },
    },
  }
}
