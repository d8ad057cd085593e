/** What Prometheus would read. */
export interface Exposition {
  status: number
  headers: Headers
  text: string
  /** Of each series, by its name and labels as they are told. */
  samples: Sample[]
  /** The sum of all series of this name that have these labels. */
  value(name: string, labels?: Record<string, string>): number
  /** Whether there is such a series. */
  has(name: string): boolean
  /** For the words of a test that fails: what is not zero, of the house's own. */
  toJSON(): object
}

export interface Sample {
  /** As it is told. */
  series: string
  name: string
  labels: Record<string, string>
  value: number
}

export async function scrape(url: string, init: RequestInit = {}): Promise<Exposition> {
  const response = await fetch(url, init)
  const text = await response.text()
  const samples = samplesIn(text)
  const of = (name: string, labels: Record<string, string>) =>
    samples.filter(each => each.name === name && Object.entries(labels).every(([key, is]) => each.labels[key] === is))
  return {
    status: response.status,
    headers: response.headers,
    text,
    samples,
    value: (name, labels = {}) => of(name, labels).reduce((sum, each) => sum + each.value, 0),
    has: name => of(name, {}).length > 0,
    toJSON: () => {
      const told = samples.filter(({ name, value }) => /^wataki_.*(?<!_bucket)$/.test(name) && value !== 0)
      return Object.fromEntries(told.map(({ series, value }) => [series, value]))
    },
  }
}

/** Throws for a line that is none of the format. */
export function samplesIn(text: string): Sample[] {
  return text.split('\n').flatMap(line => {
    if (line === '' || line.startsWith('# HELP ') || line.startsWith('# TYPE ')) return []
    const [, series, name, list = '', value] = /^((\w+)(?:\{(.*)\})?) (\S+)$/.exec(line) ?? []
    if (series === undefined) throw new Error(`not a sample: ${line}`)
    const labels = [...list.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, is]) => [key, is])
    return { series, name: name!, labels: Object.fromEntries(labels), value: Number(value) }
  })
}
