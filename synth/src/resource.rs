//! Resources, typed and untyped, and the handles that refer to them.

use std::borrow::Cow;
use std::sync::Arc;

use crate::condition::ConditionHandle;
use crate::construct::{Acknowledgement, Construct, Scope};
use crate::policy::{CreationPolicy, DeletionPolicy, UpdatePolicy};
use crate::stack::StackKey;
use crate::value::{Expression, Properties, Reference, Untyped, Value};

/// A resource of any type: a type name, properties, and the attributes that every type has.
///
/// Typed resources wrap it. Use it directly for types without a typed form, such as private registry types.
///
/// ```
/// use stackwright_synth::{App, Resource};
///
/// let app = App::new("shop");
/// app.stack("Queues").add("Jobs", Resource::of("AWS::SQS::Queue").set("DelaySeconds", 5));
/// # app.synth()?;
/// # Ok::<(), stackwright_synth::Errors>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Resource {
    pub(crate) type_name: Cow<'static, str>,
    pub(crate) properties: Properties,
    pub(crate) options: Options,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub depends_on: Vec<Handle>,
    pub condition: Option<ConditionHandle>,
    pub deletion_policy: Option<DeletionPolicy>,
    pub update_replace_policy: Option<DeletionPolicy>,
    pub creation_policy: Option<CreationPolicy>,
    pub update_policy: Option<UpdatePolicy>,
    pub metadata: Properties,
    pub acknowledgements: Vec<Acknowledgement>,
}

impl Resource {
    /// Creates a resource of a type, such as `AWS::SQS::Queue`, without properties. The type and the properties are
    /// validated by `stackwright check`, not by the compiler.
    pub fn of(type_name: impl Into<Cow<'static, str>>) -> Self {
        Self { type_name: type_name.into(), properties: Properties::default(), options: Options::default() }
    }

    /// Sets a property by its CloudFormation name, such as `DelaySeconds`. A second call replaces the value.
    #[track_caller]
    pub fn set(mut self, name: impl Into<Cow<'static, str>>, value: impl Untyped) -> Self {
        self.put(name, value);
        self
    }

    /// Sets a property by its CloudFormation name in place; the setters of typed resources call it. A second call
    /// replaces the value.
    #[track_caller]
    pub fn put(&mut self, name: impl Into<Cow<'static, str>>, value: impl Untyped) {
        self.properties.put(name, value);
    }

    /// Returns the type name, such as `AWS::S3::Bucket`.
    pub fn type_name(&self) -> &str {
        &self.type_name
    }
}

/// A resource type as a Rust type, which wraps a [`Resource`]. [`ResourceOptions`] has the setters that all types share.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be added to a stack",
    note = "a typed resource needs all its required properties: `Type<2>` means that two are missing; its documentation lists them in order",
    note = "implement `Construct` for a type of your own to add it"
)]
pub trait TypedResource: Sized {
    /// The handle that [`Stack::add`](crate::Stack::add) returns, with a method for each attribute of the type.
    type Handle: From<Handle>;

    /// Returns the untyped resource.
    fn into_resource(self) -> Resource;

    /// Returns a mutable reference to the untyped resource, to change it in place.
    fn resource_mut(&mut self) -> &mut Resource;
}

impl TypedResource for Resource {
    type Handle = Handle;

    fn into_resource(self) -> Resource {
        self
    }

    fn resource_mut(&mut self) -> &mut Resource {
        self
    }
}

impl<R: TypedResource + 'static> Construct for R {
    type Handle = R::Handle;

    fn build(self, scope: &mut Scope<'_>) -> R::Handle {
        let customizations = scope.stack().customizations().into_iter().chain(scope.customizations.clone());
        let customized = customizations.fold(self, |resource, one| one.apply(resource, scope.id()));
        let mut resource = customized.into_resource();
        resource.options.acknowledgements.clone_from(&scope.acknowledgements);
        scope.stack().insert_former_ids(scope.id(), scope.formers.ids());
        scope.insert(resource, |contents| &mut contents.resources).into()
    }
}

/// The setters of the attributes that every resource has in addition to its properties.
pub trait ResourceOptions: TypedResource {
    /// Creates this resource after another, and deletes it before the other; may be repeated (`DependsOn`). A reference
    /// to the other resource has the same effect. If it is in another stack of the app, that stack is deployed first.
    fn depends_on(mut self, other: &Handle) -> Self {
        self.resource_mut().options.depends_on.push(other.clone());
        self
    }

    /// Creates the resource only if a condition of the same stack is true (`Condition`). By default, it is always
    /// created.
    fn condition(mut self, condition: &ConditionHandle) -> Self {
        self.resource_mut().options.condition = Some(condition.clone());
        self
    }

    /// Sets the action of CloudFormation when the resource is removed from the stack or the stack is deleted
    /// (`DeletionPolicy`). By default, CloudFormation deletes the resource; of an Amazon RDS cluster, and of an instance
    /// without a cluster, it creates a snapshot first.
    fn deletion_policy(mut self, policy: DeletionPolicy) -> Self {
        self.resource_mut().options.deletion_policy = Some(policy);
        self
    }

    /// Sets the action of CloudFormation for the old resource when an update replaces it (`UpdateReplacePolicy`). By
    /// default, CloudFormation deletes it. [`DeletionPolicy::RetainExceptOnCreate`] is not possible here.
    fn update_replace_policy(mut self, policy: DeletionPolicy) -> Self {
        self.resource_mut().options.update_replace_policy = Some(policy);
        self
    }

    /// Keeps the resource when it is removed from the stack, when the stack is deleted, and when an update replaces it:
    /// sets `DeletionPolicy` and `UpdateReplacePolicy` to `Retain`.
    fn retain(self) -> Self {
        self.deletion_policy(DeletionPolicy::Retain).update_replace_policy(DeletionPolicy::Retain)
    }

    /// Sets the condition under which CloudFormation considers the resource created (`CreationPolicy`). By default, the
    /// service decides.
    fn creation_policy(mut self, policy: CreationPolicy) -> Self {
        self.resource_mut().options.creation_policy = Some(policy);
        self
    }

    /// Sets the way in which CloudFormation updates the resource (`UpdatePolicy`). By default, there is no policy.
    fn update_policy(mut self, policy: UpdatePolicy) -> Self {
        self.resource_mut().options.update_policy = Some(policy);
        self
    }

    /// Sets a document under a name in the metadata of the resource (`Metadata`).
    #[track_caller]
    fn metadata(mut self, name: impl Into<String>, value: impl Untyped) -> Self {
        self.resource_mut().options.metadata.put(name.into(), value);
        self
    }

    /// Sets a property by its CloudFormation name, such as `DelaySeconds`, for properties that the typed form does not
    /// have yet. A second call, or a setter of the same property, replaces the value.
    #[track_caller]
    fn property(mut self, name: impl Into<Cow<'static, str>>, value: impl Untyped) -> Self {
        self.resource_mut().put(name, value);
        self
    }

    /// Sets a nested property by its JSON pointer, such as `/ProductionVariants/0/VolumeSizeInGB`. Objects in the path
    /// that do not exist are created, and all other properties are kept. In a list, the index can be its length, which
    /// adds an element; any other step that is not the index of an element is an error at the caller's line.
    #[track_caller]
    fn property_at(mut self, pointer: &str, value: impl Untyped) -> Self {
        self.resource_mut().properties.put_at(pointer, value);
        self
    }

    /// Removes a property by its CloudFormation name. Nothing happens if it is not set.
    fn remove_property(mut self, name: &str) -> Self {
        self.resource_mut().properties.remove(name);
        self
    }
}

impl<R: TypedResource> ResourceOptions for R {}

/// A resource that was added to a stack, for references to it. Resources with a Rust type have handles of their own.
#[derive(Clone, Debug, PartialEq)]
pub struct Handle {
    pub(crate) stack: StackKey,
    pub(crate) logical_id: Arc<str>,
}

impl Handle {
    /// Returns the logical ID in the template, such as `Jobs`.
    pub fn logical_id(&self) -> &str {
        &self.logical_id
    }

    /// Returns the value of `Ref`, which is usually the physical ID of the resource: the type determines it.
    pub fn reference(&self) -> Value<String> {
        self.refer(None, false)
    }

    /// Returns an attribute by its CloudFormation name, such as `Arn` (`Fn::GetAtt`). The caller ensures that it is a
    /// `T`. Typed handles have a method for each attribute.
    pub fn attribute<T>(&self, name: impl Into<Cow<'static, str>>) -> Value<T> {
        self.refer(Some(name.into()), false)
    }

    /// Returns an attribute that is a list by its CloudFormation name, such as `NameServers` (`Fn::GetAtt`).
    pub fn list_attribute<T>(&self, name: impl Into<Cow<'static, str>>) -> Value<Vec<T>> {
        self.refer(Some(name.into()), true)
    }

    pub(crate) fn refer<T>(&self, attribute: Option<Cow<'static, str>>, list: bool) -> Value<T> {
        Value::from_expression(Expression::Reference(Reference {
            stack: self.stack,
            logical_id: Arc::clone(&self.logical_id),
            attribute,
            list,
        }))
    }
}
