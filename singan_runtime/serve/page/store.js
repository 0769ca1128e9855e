// What this browser keeps for the page. Where it keeps nothing, all holds until the page is left.

/** Reads what is kept under a name, or null. */
export function read(name) {
  try {
    return JSON.parse(localStorage.getItem(`singan.${name}`));
  } catch {
    return null;
  }
}

/** Keeps a value of JSON's types under a name. */
export function write(name, value) {
  try {
    localStorage.setItem(`singan.${name}`, JSON.stringify(value));
  } catch {
    // A full or forbidden store is no reason to stop.
  }
}
