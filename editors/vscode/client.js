// Starts `hisee lsp` and connects it to the editor. Plain JavaScript: nothing is built.
"use strict";

const { commands, window, workspace } = require("vscode");
const { LanguageClient, TransportKind } = require("vscode-languageclient/node");

/** @type {LanguageClient | undefined} */
let client;

/** The client for the command and language that the settings name. */
function makeClient() {
  const settings = workspace.getConfiguration("esl");
  const [command, ...args] = settings.get("command", ["hisee", "lsp", "--stdio"]);
  const lang = settings.get("language", "");
  const folder = workspace.workspaceFolders?.[0]?.uri.fsPath;
  const env = lang ? { ...process.env, HISEE_LANG: lang } : process.env;
  return new LanguageClient(
    "hisee-esl",
    "ESL",
    { command, args, options: { cwd: folder, env }, transport: TransportKind.stdio },
    {
      documentSelector: [{ scheme: "file", language: "esl" }],
      synchronize: { fileEvents: workspace.createFileSystemWatcher("**/{*.esl,app.toml,objects.toml,picture.toml,event.toml,picture.svg}") },
    },
  );
}

async function start() {
  client = makeClient();
  try {
    await client.start();
  } catch (error) {
    const command = workspace.getConfiguration("esl").get("command", []).join(" ");
    window.showErrorMessage(`ESL: the language server does not start (${command}): ${error}. Install hisee, or set esl.command.`);
  }
}

async function activate(context) {
  context.subscriptions.push(
    commands.registerCommand("esl.restart", async () => {
      await client?.stop();
      await start();
    }),
  );
  await start();
}

async function deactivate() {
  await client?.stop();
}

module.exports = { activate, deactivate };
