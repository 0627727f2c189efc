// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, expect, test, vi } from "vitest";
import { ask, askText, askWhich, Dialog, DialogHost, stemLength } from "./dialog.tsx";
import { RenameField } from "./rename.tsx";

afterEach(cleanup);

test("the focus comes back when a dialog closes", () => {
  const opener = document.createElement("button");
  document.body.append(opener);
  opener.focus();
  const { unmount } = render(
    <Dialog title="Kernel" onClose={() => undefined}>
      <input data-autofocus />
    </Dialog>,
  );
  expect(document.activeElement?.localName).toBe("input");
  unmount();
  expect(document.activeElement).toBe(opener);
});

test("a question is answered by a button, or left", async () => {
  render(<DialogHost />);
  const first = ask("Delete", "Really?", [{ value: "yes", label: "Delete it", kind: "danger" }]);
  const button = await screen.findByRole("button", { name: "Delete it", hidden: true });
  expect(document.activeElement).toBe(button);
  fireEvent.click(button);
  expect(await first).toBe("yes");
  const second = ask("Delete", "Really?", [{ value: "yes", label: "Delete it" }]);
  fireEvent.click(await screen.findByRole("button", { name: "Cancel", hidden: true }));
  expect(await second).toBeNull();
});

test("a line is asked for until it is right", async () => {
  render(<DialogHost />);
  const answer = askText("Name", "New name", {
    value: "a.txt",
    action: "Take it",
    check: value => (value === "a.txt" ? "There is one already." : undefined),
  });
  const field = await screen.findByRole("textbox", { hidden: true });
  fireEvent.submit(field);
  expect(await screen.findByText("There is one already.")).toBeTruthy();
  fireEvent.input(field, { target: { value: " b.txt " } });
  fireEvent.submit(field);
  expect(await answer).toBe("b.txt");
});

test("one of several is asked for: the first, unless another is chosen", async () => {
  render(<DialogHost />);
  const asked = {
    title: "Which?",
    text: "It becomes that.",
    options: [
      { value: "b", label: "Monday", note: "now" },
      { value: "a", label: "Sunday", note: "yesterday" },
    ],
    action: "Go back",
  };
  const first = askWhich(asked);
  const group = await screen.findByRole("group", { name: "It becomes that.", hidden: true });
  const monday = screen.getByRole("radio", { name: "Monday now", hidden: true });
  expect(group.contains(monday)).toBe(true);
  expect(document.activeElement).toBe(monday);
  fireEvent.submit(monday);
  expect(await first).toBe("b");

  const second = askWhich(asked);
  fireEvent.click(await screen.findByRole("radio", { name: "Sunday yesterday", hidden: true }));
  fireEvent.click(screen.getByRole("button", { name: "Go back", hidden: true }));
  expect(await second).toBe("a");

  const third = askWhich(asked);
  fireEvent.click(await screen.findByRole("button", { name: "Cancel", hidden: true }));
  expect(await third).toBeNull();
});

test("a name is edited without its ending", () => {
  expect(["a.ipynb", "a.tar.gz", ".env", "plain"].map(stemLength)).toEqual([1, 5, 4, 5]);
});

test.each([
  ["Enter keeps it", "Enter", "b.txt"],
  ["Escape leaves it", "Escape", null],
])("rename in place: %s", (_what, key, expected) => {
  const done = vi.fn();
  render(<RenameField label="Name" value="a.txt" onDone={done} />);
  const field = screen.getByRole("textbox");
  fireEvent.input(field, { target: { value: "b.txt" } });
  fireEvent.keyDown(field, { key });
  fireEvent.blur(field);
  expect(done.mock.calls).toEqual([[expected]]);
});
