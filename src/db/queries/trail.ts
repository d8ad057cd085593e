/** What has become of a message, step after step, in a column of its row. What a step says is not known here. */

export const STEP_LENGTH = 36
/** So many at most; then one in the middle is given up for each that comes. */
export const STEPS_MAX = 40
const FIRST_KEPT = STEPS_MAX / 2 - 1

/** The trail with one more step, a parameter such as `$3`. */
export const trailWith = (step: string): string =>
  `case when length(message.trail) < ${STEPS_MAX * STEP_LENGTH} then message.trail || ${step}
     else left(message.trail, ${FIRST_KEPT * STEP_LENGTH}) || substr(message.trail, ${(FIRST_KEPT + 1) * STEP_LENGTH + 1}) || ${step} end`
