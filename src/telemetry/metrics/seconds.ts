/** Upper bounds in seconds, of what is answered at once, or should be. */
export const QUICK = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** The same, of what waits for others: an ack within a second, or after a night without a phone. */
export const PATIENT = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86_400]

/** Two clocks may differ by a little: nothing takes less than no time. */
export const secondsOf = (ms: number): number => Math.max(0, ms / 1000)
