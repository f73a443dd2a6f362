/** How several pictures share a stage. */

/** The number of columns in which `count` pictures of one shape are largest. */
export function columnsFor(count: number, stageAspect: number, pictureAspect: number): number {
  let columns = 1;
  let largest = 0;
  for (let tried = 1; tried <= count; tried++) {
    const rows = Math.ceil(count / tried);
    const width = Math.min(stageAspect / tried, pictureAspect / rows); // of one picture, the stage's height being 1
    if (width < largest) continue;
    columns = tried;
    largest = width;
  }
  return columns;
}
