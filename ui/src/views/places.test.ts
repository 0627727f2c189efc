import { expect, test } from "vitest";
import { addressOf, folderOf, join, nameOf, pathOf, resolve, viewFor } from "./places.ts";

test("an address names a path, and a path an address, below any base", () => {
  const path = "a b/ü#?.ipynb";
  const address = addressOf("/user/x/", "notebooks", path);
  expect(address).toBe("/user/x/notebooks/a%20b/%C3%BC%23%3F.ipynb");
  expect(pathOf("/user/x/", address)).toBe(path);
  expect(pathOf("https://host:8888/user/x/", address)).toBe(path);
  expect(pathOf("/", "/tree")).toBe("");
  expect(pathOf("/", "/edit/50%/a")).toBe("50%/a");
});

test("parts of a path", () => {
  expect([folderOf("a/b/c"), folderOf("c"), nameOf("a/b/c"), join("", "c"), join("a", "c")]).toEqual([
    "a/b",
    "",
    "c",
    "c",
    "a/c",
  ]);
});

test("what a document names is beside it, and never above the top", () => {
  expect(resolve("a/b", "../fig%201.png?x#y")).toEqual({ path: "a/fig 1.png", rest: "?x#y" });
  expect(resolve("a/b", "/top.csv")).toEqual({ path: "top.csv", rest: "" });
  expect(resolve("a", "../../../etc/passwd")).toEqual({ path: "etc/passwd", rest: "" });
});

test("which view opens what", () => {
  const names = ["a.ipynb", "a.PNG", "a.py", "a.csv", "folder"];
  const types = ["notebook", "file", "file", "file", "directory"];
  expect(names.map((name, at) => viewFor(name, types[at] ?? ""))).toEqual([
    "notebooks",
    "view",
    "edit",
    "view",
    "tree",
  ]);
});
