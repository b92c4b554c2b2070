/** A text in both languages of the project. */
export interface Words {
  readonly zh: string
  readonly en: string
}
