// A client for Tributary's admin API over gRPC-Web, as a page in a browser has it: nothing here is of Node alone but
// the reading of files.

import { readFileSync } from "node:fs";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";

const { env } = process;

/**
 * Returns a function that makes the client of a service, such as `TenantService`.
 *
 * `TRIBUTARY_ADDRESS` says where the API is, `TRIBUTARY_TOKEN` is the admin token, and `TRIBUTARY_DESCRIPTORS` the file
 * that `tributary proto` wrote. Without them: the server that was started in this folder.
 */
export function connect() {
  const address = env.TRIBUTARY_ADDRESS ?? "127.0.0.1:8090";
  const token = env.TRIBUTARY_TOKEN ?? readFileSync("data/admin.token", "utf8").trim();
  const transport = createGrpcWebTransport({
    // For a server that speaks TLS: https. (To trust a certificate of your own, Node reads NODE_EXTRA_CA_CERTS.)
    baseUrl: address.includes("://") ? address : `http://${address}`,
    interceptors: [
      (next) => (call) => {
        call.header.set("authorization", `Bearer ${token}`);
        return next(call);
      },
    ],
  });
  // Messages are plain objects, and their types come from the descriptors: there is no generated code. A larger project
  // generates classes with protoc-gen-es, and hands those to `createClient` in the same way.
  const descriptors = readFileSync(env.TRIBUTARY_DESCRIPTORS ?? "tributary.binpb");
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
  return (service) => createClient(registry.getService(`tributary.admin.v1.${service}`), transport);
}
