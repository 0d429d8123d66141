/** Half-written text, kept in this browser by person and place until it is sent. */

const PREFIX = 'contactline:draft:';

const keyOf = (person: string, place: string): string => `${PREFIX}${person}:${place}`;

export function readDraft(person: string, place: string): string {
  try {
    return localStorage.getItem(keyOf(person, place)) ?? '';
  } catch {
    return ''; // storage may be switched off; then a draft lives as long as the page
  }
}

export function keepDraft(person: string, place: string, text: string): void {
  try {
    if (text) localStorage.setItem(keyOf(person, place), text);
    else localStorage.removeItem(keyOf(person, place));
  } catch {
    // as above, or the storage is full: the text is still in the field
  }
}
