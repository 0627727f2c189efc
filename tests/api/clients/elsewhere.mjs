// What a page of another site does with JupyterLab's services library, as thebe and jupyter-ui do it: bundled, and run in a browser.
import { ContentsManager, KernelManager, KernelSpecManager, ServerConnection, SessionManager } from "@jupyterlab/services";

globalThis.work = async (baseUrl, token, credentials) => {
  const serverSettings = ServerConnection.makeSettings({
    baseUrl,
    wsUrl: baseUrl.replace("http", "ws"),
    token,
    appendToken: true,
    init: { cache: "no-store", credentials },
  });
  const kernelManager = new KernelManager({ serverSettings });
  const sessions = new SessionManager({ serverSettings, kernelManager });
  const specs = new KernelSpecManager({ serverSettings });
  const contents = new ContentsManager({ serverSettings });
  const seen = {};
  await contents.save("from-elsewhere.txt", { type: "file", format: "text", content: "hello" });
  await contents.rename("from-elsewhere.txt", "renamed.txt");
  seen.read = (await contents.get("renamed.txt", { content: true })).content;
  await contents.delete("renamed.txt");
  await specs.refreshSpecs();
  seen.specs = Object.keys(specs.specs.kernelspecs);
  const session = await sessions.startNew({ path: "thebe-1.ipynb", name: "thebe", type: "notebook", kernel: { name: "python3" } });
  const run = async (code) => {
    let text = "";
    const future = session.kernel.requestExecute({ code });
    future.onIOPub = ({ header, content }) => {
      if (header.msg_type === "stream") text += content.text;
    };
    return [(await future.done).content.status, text];
  };
  seen.ran = await run("print(6 * 7)");
  await session.setPath("thebe-2.ipynb");
  await session.kernel.restart();
  seen.again = await run("print('again')");
  await session.shutdown();
  await sessions.refreshRunning();
  seen.left = [...sessions.running()].length;
  return seen;
};
