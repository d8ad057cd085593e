import type { App } from '../../context.ts'
export function fetchSoon(_app: App): void {}
