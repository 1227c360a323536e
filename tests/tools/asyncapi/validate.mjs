// Prints what AsyncAPI's own parser finds wrong in a document: errors and warnings, as JSON.
import { AvroSchemaParser } from "@asyncapi/avro-schema-parser";
import { Parser } from "@asyncapi/parser";
import { readFileSync } from "node:fs";

const parser = new Parser();
parser.registerSchemaParser(AvroSchemaParser());
const { document, diagnostics } = await parser.parse(readFileSync(process.argv[2], "utf8"));
const found = diagnostics.filter(({ severity }) => severity < 2);
console.log(
  JSON.stringify({
    problems: found.map(({ path, message }) => `${path.join(".")}: ${message}`),
    channels: document ? document.channels().all().map((channel) => channel.address()) : [],
  }),
);
