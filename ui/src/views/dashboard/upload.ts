/** Files from a drop or a picker, folders included, with their paths below where they were dropped. */

export interface Upload {
  /** Relative, with `/`. */
  readonly path: string;
  readonly file: File;
}

export function pickFiles(): Promise<readonly Upload[]> {
  return new Promise(resolve => {
    const input = document.createElement("input");
    input.type = "file";
    input.multiple = true;
    input.addEventListener("change", () => {
      resolve([...(input.files ?? [])].map(file => ({ path: file.name, file })));
    });
    input.addEventListener("cancel", () => resolve([]));
    input.click();
  });
}

export async function droppedFiles(data: DataTransfer): Promise<readonly Upload[]> {
  // Entries must be taken before the first await: the transfer is emptied after the event.
  const entries = [...data.items].map(item => item.webkitGetAsEntry?.() ?? null);
  const plain = [...data.files].map(file => ({ path: file.name, file }));
  if (entries.every(entry => entry === null || entry.isFile)) return plain;
  const found: Upload[] = [];
  for (const entry of entries) {
    if (entry !== null) await walk(entry, found);
  }
  return found;
}

async function walk(entry: FileSystemEntry, found: Upload[]): Promise<void> {
  const path = entry.fullPath.replace(/^\//, "");
  if (entry instanceof FileSystemFileEntry) {
    found.push({ path, file: await new Promise<File>((resolve, reject) => entry.file(resolve, reject)) });
  } else if (entry instanceof FileSystemDirectoryEntry) {
    const reader = entry.createReader();
    for (;;) {
      // A reader gives a hundred at a time.
      const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
        reader.readEntries(resolve, reject),
      );
      if (some.length === 0) break;
      for (const child of some) await walk(child, found);
    }
  }
}
