// Where the page starts: which view this address shows, and the things every view is given.

const root = document.getElementById("app");
if (root === null) throw new Error("The page has no element with the id `app`.");
root.textContent = "Carnet";
