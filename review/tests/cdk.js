// Runs `cdk diff` in each directory and writes what it prints to `diff.txt` there.
//
// The first argument is the directory of the package `aws-cdk`; the others are the directories. One process compares all
// templates, because the CLI takes a second or two to load.

const fs = require("fs");
const path = require("path");

const [cli, ...directories] = process.argv.slice(2);
const { exec } = require(path.join(cli, "lib"));

async function main() {
  const write = { stdout: process.stdout.write, stderr: process.stderr.write };
  for (const directory of directories) {
    let printed = "";
    const capture = (text, encoding, callback) => {
      printed += text;
      const done = typeof encoding === "function" ? encoding : callback;
      if (done) done();
      return true;
    };
    process.chdir(directory);
    process.stdout.write = capture;
    process.stderr.write = capture;
    try {
      await exec(["diff", "--app", ".", "--template", "old.json", "--no-color", "--no-version-reporting", "Stack"]);
    } finally {
      process.stdout.write = write.stdout;
      process.stderr.write = write.stderr;
    }
    fs.writeFileSync("diff.txt", printed);
  }
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
