// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ContextMenuHost, MenuButton, Menubar, type MenuEntry, openContextMenu } from "./menu.tsx";

afterEach(cleanup);

// jsdom knows that a closed popover is not shown, but not how to show it.
HTMLElement.prototype.showPopover ??= function show(this: HTMLElement) {
  this.style.display = "block";
};

const save = vi.fn();
const gone = vi.fn();

const entries = (): readonly MenuEntry[] => [
  { label: "Save", keys: "⌘S", run: save },
  "rule",
  { label: "Delete", disabled: true, run: gone },
  { label: "Download", checked: true, run: gone },
];

beforeEach(() => {
  save.mockClear();
  gone.mockClear();
});

const focused = () => document.activeElement?.textContent ?? "";

test("a button opens its menu, keys walk it, Enter does it, and the focus comes back", async () => {
  render(
    <MenuButton spec={{ label: "File", entries }}>
      <span>File</span>
    </MenuButton>,
  );
  const button = screen.getByRole("button");
  button.focus();
  fireEvent.keyDown(button, { key: "ArrowDown" });
  const menu = await screen.findByRole("menu", { hidden: true });
  await waitFor(() => expect(focused()).toContain("Save"));
  fireEvent.keyDown(menu, { key: "ArrowUp" });
  expect(focused()).toContain("Download");
  fireEvent.keyDown(menu, { key: "Home" });
  fireEvent.keyDown(menu, { key: "Enter" });
  expect(save).toHaveBeenCalledOnce();
  expect(screen.queryByRole("menu", { hidden: true })).toBeNull();
  expect(document.activeElement).toBe(button);
});

test("letters find, Escape closes, what is disabled stays", () => {
  render(<MenuButton spec={{ label: "File", entries }}>File</MenuButton>);
  fireEvent.click(screen.getByRole("button"));
  const menu = screen.getByRole("menu", { hidden: true });
  fireEvent.keyDown(menu, { key: "d" });
  expect(focused()).toContain("Delete");
  fireEvent.keyDown(menu, { key: "Enter" });
  expect(gone).not.toHaveBeenCalled();
  fireEvent.keyDown(menu, { key: "d" });
  expect(focused()).toContain("Download");
  fireEvent.keyDown(menu, { key: "Escape" });
  expect(screen.queryByRole("menu", { hidden: true })).toBeNull();
});

test("a press elsewhere closes it", () => {
  render(<MenuButton spec={{ label: "File", entries }}>File</MenuButton>);
  fireEvent.click(screen.getByRole("button"));
  fireEvent.pointerDown(document.body);
  expect(screen.queryByRole("menu", { hidden: true })).toBeNull();
});

test("a menu bar is one tab stop; Right walks to the next menu, open or not", () => {
  const menus = ["File", "Edit"].map(label => ({ label, entries }));
  render(<Menubar label="Notebook" menus={menus} />);
  const [file, edit] = screen.getAllByRole("menuitem");
  expect([file?.tabIndex, edit?.tabIndex]).toEqual([0, -1]);
  file?.focus();
  if (file) fireEvent.keyDown(file, { key: "ArrowRight" });
  expect(document.activeElement).toBe(edit);
  if (edit) fireEvent.keyDown(edit, { key: "ArrowDown" });
  expect(screen.getByRole("menu", { hidden: true }).getAttribute("aria-label")).toBe("Edit");
  fireEvent.keyDown(screen.getByRole("menu", { hidden: true }), { key: "ArrowRight" });
  expect(screen.getByRole("menu", { hidden: true }).getAttribute("aria-label")).toBe("File");
});

test("a context menu opens where it was asked for, instead of the browser's", async () => {
  Object.defineProperty(document.documentElement, "clientWidth", { value: 1024 });
  render(<ContextMenuHost />);
  const event = new MouseEvent("contextmenu", { cancelable: true, clientX: 30, clientY: 40 });
  openContextMenu(event, { label: "Cell", entries });
  expect(event.defaultPrevented).toBe(true);
  const menu = await screen.findByRole("menu", { hidden: true });
  expect([menu.style.left, menu.style.top]).toEqual(["30px", "44px"]);
  fireEvent.keyDown(menu, { key: "Escape" });
});
