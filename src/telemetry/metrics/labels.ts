/** The value of a label when it is on the list. */
export function oneOf<Each extends string>(list: readonly Each[], value: string | undefined, otherwise: Each): Each {
  return (list as readonly (string | undefined)[]).includes(value) ? (value as Each) : otherwise
}
